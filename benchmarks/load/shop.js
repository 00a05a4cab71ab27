// Shoppers for k6, the same visits as visits.py. Figures go to Prometheus, which must run with --web.enable-remote-write-receiver:
//   K6_PROMETHEUS_RW_SERVER_URL=http://127.0.0.1:9090/api/v1/write K6_PROMETHEUS_RW_TREND_STATS='p(95),p(99),avg,max' \
//     k6 run --out experimental-prometheus-rw -e LOAD_URL=http://127.0.0.1:8000 -e LOAD_TOKENS="$PWD/var/load-tokens" benchmarks/load/shop.js
import http from 'k6/http'
import { check, sleep } from 'k6'
import { SharedArray } from 'k6/data'
import { Counter } from 'k6/metrics'

const SITE = __ENV.LOAD_URL || 'http://127.0.0.1:8000'
const SALES = '/api/v1/sales/'
const OFFERS = '/api/v1/offers/'
const FLAGS = '/api/v1/flags/'
const ORDERS = '/api/v1/orders/'
const ORDER = '/api/v1/orders/{id}/'
const REFUSED = 409 // what a shop refuses in the course of a busy day is no fault of it

const tokens = new SharedArray('tokens', () => open(__ENV.LOAD_TOKENS || '../../var/load-tokens').split(/\s+/).filter(Boolean))
const orders = new Counter('shop_orders')

export const options = {
  scenarios: {
    shoppers: {
      executor: 'ramping-vus',
      startVUs: 1,
      stages: [
        { duration: '30s', target: Number(__ENV.LOAD_USERS || 20) },
        { duration: __ENV.LOAD_DURATION || '2m', target: Number(__ENV.LOAD_USERS || 20) },
        { duration: '10s', target: 0 },
      ],
    },
  },
  // Addresses never become series: every request has a name.
  systemTags: ['status', 'method', 'name', 'check', 'error_code', 'scenario', 'expected_response'],
  // The objectives of the site itself.
  thresholds: {
    http_req_failed: ['rate<0.001'],
    http_req_duration: ['p(95)<500', 'p(99)<2000'],
    [`http_req_duration{name:${ORDERS}}`]: ['p(99)<10000'],
  },
}

http.setResponseCallback(http.expectedStatuses({ min: 200, max: 399 }, REFUSED))

function asked(name, headers = {}) {
  const token = tokens[(__VU - 1) % tokens.length]
  return { tags: { name }, headers: { Authorization: `Bearer ${token}`, ...headers }, timeout: '20s' }
}

function lookAround() {
  for (const path of [SALES, OFFERS]) {
    check(http.get(SITE + path, asked(path)), { 'list is shown': (answer) => answer.status === 200 })
  }
}

function readFlags() {
  check(http.get(SITE + FLAGS, asked(FLAGS)), { 'flags are told': (answer) => answer.status === 200 })
}

function newKey() {
  return `k6-${__VU}-${__ITER}-${Math.random().toString(36).slice(2)}`
}

function buy() {
  const list = http.get(SITE + SALES, asked(SALES))
  const sales = list.status === 200 ? list.json('results') : []
  if (sales.length === 0) return
  const sale = sales[Math.floor(Math.random() * sales.length)]
  const body = { lines: [{ sale: sale.id, quantity: 1 }], payment_method: Math.random() < 0.06 ? 'card_declined' : 'card' }
  const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': newKey() }
  const answer = http.post(SITE + ORDERS, JSON.stringify(body), asked(ORDERS, headers))
  check(answer, { 'order is made or refused': () => answer.status === 201 || answer.status === REFUSED })
  if (answer.status !== 201) return
  orders.add(1)
  http.get(`${SITE}${ORDER.replace('{id}', answer.json('id'))}`, asked(ORDER))
}

const VISITS = [lookAround, lookAround, lookAround, lookAround, lookAround, lookAround, readFlags, readFlags, buy, buy]

export default function () {
  VISITS[Math.floor(Math.random() * VISITS.length)]()
  sleep(0.5 + 1.5 * Math.random())
}
