"""Writes every packet that passes here to a file, each with its length in four bytes in front, until it is interrupted.
Usage: capture.py FILE. Linux, as root (of a network namespace)."""
import signal
import socket
import struct
import sys

signal.signal(signal.SIGINT, signal.default_int_handler)
tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
tap.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
with open(sys.argv[1], "wb") as out:
    print("ready", flush=True)
    try:
        while True:
            packet = tap.recv(65536)
            out.write(struct.pack(">I", len(packet)) + packet)
    except KeyboardInterrupt:
        pass
