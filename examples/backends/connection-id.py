# Makes the signed connection id of a page: CONNECTION_ID_SECRET is the server's connection_ids.secret, the argument the key of the visitor's session.
import base64
import hashlib
import hmac
import os
import secrets
import sys

secret = os.environ["CONNECTION_ID_SECRET"].encode()


def connection_id(session_key):
    text = lambda raw: base64.urlsafe_b64encode(raw).decode().rstrip("=")
    page = secrets.token_urlsafe(16)
    signed = page + "~" + text(hashlib.sha256(session_key.encode()).digest())
    return page, signed + "~" + text(hmac.digest(secret, signed.encode(), "sha256"))


print(connection_id(sys.argv[1])[1])
