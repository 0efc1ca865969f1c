<?php
// Lists the tasks that wait or ring: what customers wrote, on its way to an agent.
declare(strict_types=1);

const PAGE_RECORDS = 150; // the most that one answer holds

function get(string $path, array $parameters): array
{
    $url = getenv('FRONTDESK_URL') . "/1.0$path?" . http_build_query($parameters);
    $call = curl_init($url);
    curl_setopt_array($call, [
        CURLOPT_HTTPHEADER => ['Authorization: Bearer ' . getenv('FRONTDESK_TOKEN')],
        CURLOPT_RETURNTRANSFER => true,
        CURLOPT_TIMEOUT => 30,
    ]);
    $body = curl_exec($call);
    $status = curl_getinfo($call, CURLINFO_RESPONSE_CODE);
    if ($status !== 200) {
        fwrite(STDERR, "$status: " . ($body ?: curl_error($call)) . "\n");
        exit(1);
    }
    return json_decode($body, true, flags: JSON_THROW_ON_ERROR);
}

$offset = 0;
do {
    $page = get('/tasks', ['queue' => 'global', 'offset' => $offset, 'limit' => PAGE_RECORDS]);
    foreach ($page['records'] as $task) {
        echo "{$task['id']} {$task['priority']} {$task['thread_id']}\n";
    }
    $offset += PAGE_RECORDS;
} while ($offset < $page['count']);
