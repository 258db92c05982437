"""Foreign formats: bytes or text in, values out, and back. No paths, no sockets."""
