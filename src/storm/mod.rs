//! The storm itself: a server that closes with RST and a client that meets it. Knows neither capture nor explanation.

pub mod check;
pub mod client;
pub mod decimal;
pub mod in_flight;
pub mod outcome;
pub mod pacer;
pub mod plan;
pub mod report;
pub mod roll;
pub mod server;
pub mod target;
pub mod units;
