"""Status words that the virtual device answers, and the refusal that carries one.

The words up to ``UNKNOWN_CLASS`` are those of loader protocol §18; lengths and P1/P2 use ISO 7816-4.
"""

from enum import IntEnum


class Status(IntEnum):
    """One word for one condition; where the protocol leaves a choice, the comment says ours."""

    OK = 0x9000
    LOCKED = 0x5515
    API_LEVEL = 0x511F
    NO_SIDELOAD = 0x5120
    WRONG_GENERATION = 0x6484  # our model, another channel generation
    WRONG_MODEL = 0x6814  # another model
    WRONG_FORM = 0x6512  # create-app of a form that this device does not know
    NOT_IN_RECOVERY = 0x661E
    WRONG_LENGTH = 0x6700
    INVALID = 0x6802  # a certificate, key, name, number or CRC that makes no sense
    SECURITY = 0x6982  # out of order, not authentic, bad signature, certificate already enrolled
    NOT_INSTALLED = 0x6984
    DENIED = 0x6985
    NO_CUSTOM_CHANNEL = 0x69D5
    NAME_TAKEN = 0x6A80
    ALREADY_INSTALLED = 0x6A81
    MISSING_LIBRARY = 0x6A83
    NO_SPACE = 0x6A84
    NOTHING_TO_DELETE = 0x6A84  # the same word, for certificates
    NO_SLOT = 0x6A85
    WRONG_P1_P2 = 0x6B00
    UNKNOWN_INSTRUCTION = 0x6D00
    UNKNOWN_CLASS = 0x6E00


class RefusedError(Exception):
    """The device refuses a command. Never leaves the package: ``handle`` turns it into its status word."""

    def __init__(self, status: Status) -> None:
        super().__init__(f"{status.name} {status:04x}")
        self.status = status
