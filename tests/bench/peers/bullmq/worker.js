// Takes jobs, maps their records and sends each job's to the destination in one request.
'use strict';

const http = require('node:http');
const { Worker } = require('bullmq');
const Redis = require('ioredis');

const CONCURRENCY = 50;
const redis = new Redis({ path: process.env.REDIS_SOCKET, maxRetriesPerRequest: null });
const agent = new http.Agent({ keepAlive: true, maxSockets: CONCURRENCY });
const destination = new URL('/v1/memberships', process.env.DESTINATION);

function mapped(type, text) {
    const body = JSON.parse(text);
    const action = type === 'REMOVE_FROM_AUDIENCE' ? 'remove' : 'add';
    return body.Mutation.flatMap(({ Audience: audience, Users: users }) =>
        users.map((user) => ({ audience, user, action })),
    );
}

function post(body) {
    return new Promise((resolve, reject) => {
        const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
        const request = http.request(destination, { method: 'POST', agent, headers }, (response) => {
            response.on('error', reject);
            response.on('end', () =>
                response.statusCode < 300 ? resolve() : reject(new Error(`answered ${response.statusCode}`)),
            );
            response.resume();
        });
        request.on('error', reject);
        request.end(body);
    });
}

const worker = new Worker(
    'webhooks',
    (job) => post(JSON.stringify({ memberships: mapped(job.name, job.data) })),
    { connection: redis, concurrency: CONCURRENCY },
);
worker.waitUntilReady().then(() => console.log('ready'));
