//! Sockets and processes that play a part: each system call is made as it is told, and its raw answer written down.

pub mod call;
pub mod cast;
pub mod process;
pub mod wait;
