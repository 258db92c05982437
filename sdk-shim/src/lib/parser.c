#include "parser.h"

#include "offsets.h"

bool apdu_parser(command_t *cmd, uint8_t *buf, size_t buf_len)
{
    if (buf_len < OFFSET_LC || (buf_len > OFFSET_LC && buf_len - OFFSET_CDATA != buf[OFFSET_LC])) {
        return false;
    }
    cmd->cla = buf[OFFSET_CLA];
    cmd->ins = buf[OFFSET_INS];
    cmd->p1 = buf[OFFSET_P1];
    cmd->p2 = buf[OFFSET_P2];
    cmd->lc = buf_len > OFFSET_LC ? buf[OFFSET_LC] : 0;
    cmd->data = cmd->lc > 0 ? &buf[OFFSET_CDATA] : NULL;
    return true;
}
