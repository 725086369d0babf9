//! The queries, each a job on the stream of events, with its meaning as SQL beside it in `../sql/`:
//! over tables `person`, `auction` and `bid` with the columns of the CSV files, times in milliseconds,
//! in the dialect of DuckDB.
//!
//! A query's rows are those of its SQL, in no order. Event time is `date_time`; nothing is late.

mod average_price;
mod bids;
mod highest_bid;
mod hot_items;
mod local_items;
mod new_users;
mod parts;
mod row;
mod user_sessions;

pub(crate) use average_price::q4;
pub(crate) use bids::{q0, q1, q2};
pub(crate) use highest_bid::q7;
pub(crate) use hot_items::q5;
pub(crate) use local_items::q3;
pub(crate) use new_users::q8;
pub(crate) use row::Row;
pub(crate) use user_sessions::{q11, q12};
