# Signs a token for a user, good for an hour: TOKEN_SECRET is the server's tokens.secret.
import base64
import hmac
import json
import os
import sys
import time

secret = os.environ["TOKEN_SECRET"].encode()


def part(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def token(user, roles=()):
    now = int(time.time())
    claims = {"iss": "https://app.example.com", "aud": "tidings", "sub": user, "iat": now, "exp": now + 3600, "roles": list(roles)}
    signed = part(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()) + "." + part(json.dumps(claims).encode())
    return signed + "." + part(hmac.digest(secret, signed.encode(), "sha256"))


print(token(sys.argv[1], sys.argv[2:]))
