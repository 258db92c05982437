"""How to talk to a device: APDUs, transports, certificates, the secure channel, sessions."""
