// Takes webhooks as the hub does: verifies the signature over the raw body, and answers once the job is in Redis,
// which flushes its log before it says so.
'use strict';

const { createHmac, timingSafeEqual } = require('node:crypto');
const { Queue } = require('bullmq');
const express = require('express');
const Redis = require('ioredis');

const redis = new Redis({ path: process.env.REDIS_SOCKET, maxRetriesPerRequest: null });
const queue = new Queue('webhooks', {
    connection: redis,
    defaultJobOptions: { removeOnComplete: true, attempts: 20, backoff: { type: 'exponential', delay: 1000 } },
});
let acknowledged = 0;

function isSigned(body, signature) {
    const wanted = createHmac('sha1', process.env.KEY).update(body).digest();
    const got = Buffer.from(signature ?? '', 'hex');
    return got.length === wanted.length && timingSafeEqual(got, wanted);
}

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.get('/state', async (_request, response) => {
    response.json({ acknowledged, ...(await queue.getJobCounts('wait', 'active', 'delayed', 'failed')) });
});
app.post('/hooks/:route', express.raw({ type: () => true, limit: '1mb' }), async (request, response) => {
    if (!isSigned(request.body, request.get('X-HMAC'))) {
        response.status(401).end();
        return;
    }
    await queue.add(request.query.type, request.body.toString());
    acknowledged += 1;
    response.status(200).end();
});
const server = app.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
