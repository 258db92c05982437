#include "context.h"

#include <string.h>

#include "os.h"

context_t G_context;

void context_clear(void)
{
    explicit_bzero(&G_context, sizeof(G_context));
}
