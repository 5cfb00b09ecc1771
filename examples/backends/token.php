<?php
// Signs a token for a user, good for an hour: TOKEN_SECRET is the server's tokens.secret.
$secret = getenv('TOKEN_SECRET');

function part(string $raw): string
{
    return rtrim(strtr(base64_encode($raw), '+/', '-_'), '=');
}

function token(string $secret, string $user, array $roles = []): string
{
    $now = time();
    $claims = ['iss' => 'https://app.example.com', 'aud' => 'tidings', 'sub' => $user, 'iat' => $now, 'exp' => $now + 3600, 'roles' => $roles];
    $signed = part(json_encode(['alg' => 'HS256', 'typ' => 'JWT'])) . '.' . part(json_encode($claims, JSON_THROW_ON_ERROR));
    return $signed . '.' . part(hash_hmac('sha256', $signed, $secret, true));
}

echo token($secret, $argv[1], array_slice($argv, 2)), "\n";
