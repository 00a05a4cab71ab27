"""The same messages through procrastinate; run by `benchmarks.outbox` with a Python that has it, and nothing of ours.

Its own tables beside ours, in the same database; a task that has nothing to do; a worker that ends when all is done.
"""

import asyncio
import logging
import sys
import time

from procrastinate import App, PsycopgConnector

FILL = """
INSERT INTO procrastinate_jobs (queue_name, task_name, args, scheduled_at)
SELECT 'benchmark', 'handle', jsonb_build_object('number', number), now()
FROM generate_series(1, %(count)s) AS number
"""


async def main(database: str, verb: str, count: int, concurrency: int) -> None:
    logging.getLogger("procrastinate").setLevel(logging.ERROR)
    app = App(connector=PsycopgConnector(conninfo=database))
    app.task(handle, name="handle")
    async with app.open_async():
        if verb == "prepare":
            if not await app.check_connection_async():
                await app.schema_manager.apply_schema_async()
            await app.connector.execute_query_async("TRUNCATE procrastinate_jobs CASCADE")
            await app.connector.execute_query_async(FILL, count=count)
            await app.connector.execute_query_async("ANALYZE procrastinate_jobs")
        else:
            began = time.monotonic()
            await app.run_worker_async(wait=False, concurrency=concurrency)
            sys.stdout.write(f"took={time.monotonic() - began}\n")


async def handle(number: int) -> None:
    """Has nothing to do."""


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
