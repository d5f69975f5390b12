# SPDX-License-Identifier: Apache-2.0
import socket
import ssl


class Raw:
    """A TLS connection on which a test sends bytes as it likes."""

    def __init__(self, server):
        context = ssl.create_default_context(cafile=str(server.ca_path))
        plain = socket.create_connection(("127.0.0.1", server.port), 30)
        self.socket = context.wrap_socket(plain, server_hostname="127.0.0.1")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
        return self

    def read_all(self):
        """Everything until the server closes."""
        data = b""
        try:
            while chunk := self.socket.recv(65536):
                data += chunk
        except (ConnectionResetError, ssl.SSLError):
            pass
        return data

    def read_response(self):
        """One response with Content-Length: status, headers in lower case, body."""
        data = b""
        while b"\r\n\r\n" not in data:
            chunk = self.socket.recv(65536)
            if not chunk:
                raise AssertionError(f"the connection ended after {data!r}")
            data += chunk
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        while len(body) < int(headers.get("content-length", 0)):
            body += self.socket.recv(65536)
        return int(lines[0].split(" ")[1]), headers, body

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
