#pragma once

/* Characters of a ticker at most. */
#define MAX_TICKER_SIZE 50
