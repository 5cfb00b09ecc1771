<?php
// publish.php CHANNEL JSON [KEY]: publishes one message and prints its position. PHP 8, no extensions.

declare(strict_types=1);

/** Publishes $data once, however often it has to be sent, and gives the server's answer. */
function publish(string $channel, mixed $data, ?string $key = null, int $attempts = 6): array
{
    $body = json_encode(
        ['channel' => $channel, 'data' => $data, 'idempotencyKey' => $key ?? bin2hex(random_bytes(16))],
        JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION
    );
    $context = stream_context_create(['http' => [
        'method' => 'POST',
        'header' => ['Content-Type: application/json', 'Authorization: Bearer ' . getenv('TIDINGS_API_KEY')],
        'content' => $body,
        'timeout' => 15,
        'follow_location' => 0,
        'ignore_errors' => true, // gives the body of an error, too
    ]]);
    $problem = '';
    for ($attempt = 0; $attempt < $attempts; $attempt++) {
        $http_response_header = [];
        $text = @file_get_contents(getenv('TIDINGS_URL') . '/api/publish', false, $context);
        $status = (int) (explode(' ', $http_response_header[0] ?? '')[1] ?? 0);
        $answer = $text === false ? null : json_decode($text, true);
        if ($status === 200 && isset($answer['id'])) {
            return $answer;
        }
        if (isset($answer['error'])) {
            $error = $answer['error'];
            $problem = "{$error['code']}: {$error['message']}. {$error['hint']}";
            $retry = $error['retry'];
        } else { // no answer, so that the message may stand or not; or a proxy's
            $problem = $status === 0 ? 'no answer' : "status $status";
            $retry = in_array($status, [0, 200, 502, 503, 504], true);
        }
        if (!$retry) {
            break;
        }
        usleep(random_int(0, min(20_000_000, 200_000 * 2 ** $attempt)));
    }
    throw new RuntimeException($problem);
}

$published = publish($argv[1], json_decode($argv[2], false, 64, JSON_THROW_ON_ERROR), $argv[3] ?? null);
echo "{$published['epoch']}:{$published['offset']}:{$published['tag']}\n";
