//! The two closes, a value for each of them, and the spread of several values.

use rst_storm_linux::Result;
use rst_storm_linux::tcp_socket::{Errno, TcpSocket};
use serde::Serialize;

use crate::storm::plan::CloseBy;

/// How a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// A plain close(): FIN.
    Fin,
    /// SO_LINGER {1, 0} and close(): RST.
    Rst,
}

impl Close {
    /// Both.
    pub const ALL: [Close; 2] = [Close::Fin, Close::Rst];

    /// Closes an end of a connection so; what close() answered.
    pub fn end(self, socket: TcpSocket) -> Result<(), Errno> {
        if self == Close::Rst {
            socket.set_linger_zero()?;
        }
        socket.close()
    }
}

impl From<Close> for CloseBy {
    fn from(close: Close) -> CloseBy {
        match close {
            Close::Fin => CloseBy::Fin,
            Close::Rst => CloseBy::Rst,
        }
    }
}

/// A value for each close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    /// Closed with FIN.
    pub fin: T,
    /// Closed with RST.
    pub rst: T,
}

impl<T> Pair<T> {
    /// Measures first the one, then the other; `None` where either was given up.
    pub fn measure(mut of: impl FnMut(Close) -> Result<Option<T>>) -> Result<Option<Pair<T>>> {
        let Some(fin) = of(Close::Fin)? else { return Ok(None) };
        Ok(of(Close::Rst)?.map(|rst| Pair { fin, rst }))
    }

    /// The value of one close.
    pub fn of(&mut self, close: Close) -> &mut T {
        match close {
            Close::Fin => &mut self.fin,
            Close::Rst => &mut self.rst,
        }
    }
}

/// Where several values lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread<T> {
    /// The one in the middle; of an even number, halfway between the two.
    pub median: T,
    /// The least.
    pub least: T,
    /// The most.
    pub most: T,
}

/// What has a middle between two of it.
pub trait Middle: Copy + PartialOrd {
    /// Halfway between both; a whole number is rounded down.
    fn middle(self, other: Self) -> Self;
}

impl Middle for u64 {
    fn middle(self, other: u64) -> u64 {
        self.midpoint(other)
    }
}

impl Middle for f64 {
    fn middle(self, other: f64) -> f64 {
        self.midpoint(other)
    }
}

impl<T: Middle> Spread<T> {
    /// The spread of `values`; `None` where there are none.
    pub fn of(mut values: Vec<T>) -> Option<Spread<T>> {
        values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        let (least, most) = (*values.first()?, *values.last()?);
        let median = values[(values.len() - 1) / 2].middle(values[values.len() / 2]);
        Some(Spread { median, least, most })
    }

    /// Whether all values are alike.
    pub fn is_one(&self) -> bool {
        self.least == self.most
    }
}

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn a_spread_has_its_median_between_its_ends() {
        assert_eq!(Spread::<u64>::of(Vec::new()), None);
        assert_eq!(Spread::of(vec![3_u64, 1, 2]), Some(Spread { median: 2, least: 1, most: 3 }));
        assert_eq!(Spread::of(vec![4_u64, 1, 2, 3]), Some(Spread { median: 2, least: 1, most: 4 }));
        assert_eq!(Spread::of(vec![1.0, 2.0]).map(|spread| spread.median), Some(1.5));
        assert!(Spread::of(vec![7.0, 7.0]).is_some_and(|spread| spread.is_one()));
    }
}
