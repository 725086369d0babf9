"""Prints the rows of a query over Nexmark's events: reference.py FOLDER_OF_CSV QUERY.sql"""

import sys

import duckdb

TABLES = {
    "person": {
        "id": "BIGINT", "name": "VARCHAR", "email_address": "VARCHAR", "credit_card": "VARCHAR",
        "city": "VARCHAR", "state": "VARCHAR", "date_time": "BIGINT", "extra": "VARCHAR",
    },
    "auction": {
        "id": "BIGINT", "item_name": "VARCHAR", "description": "VARCHAR", "initial_bid": "BIGINT",
        "reserve": "BIGINT", "date_time": "BIGINT", "expires": "BIGINT", "seller": "BIGINT",
        "category": "BIGINT", "extra": "VARCHAR",
    },
    "bid": {
        "auction": "BIGINT", "bidder": "BIGINT", "price": "BIGINT", "channel": "VARCHAR",
        "url": "VARCHAR", "date_time": "BIGINT", "extra": "VARCHAR",
    },
}


def main(folder, query):
    with open(query, encoding="utf-8") as file:
        sql = file.read()
    database = duckdb.connect()
    for table, columns in TABLES.items():
        read = f"read_csv('{folder}/{table}.csv', header = true, columns = {columns})"
        database.execute(f"CREATE TABLE {table} AS SELECT * FROM {read}")
    for row in database.execute(sql).fetchall():
        print(",".join(str(value) for value in row))


main(*sys.argv[1:])
