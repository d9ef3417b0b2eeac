//! A set of mechanisms, as small as a number.

use super::Mechanism;

/// Which mechanisms an event allows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MechanismSet(u32);

impl MechanismSet {
    /// None: nothing that is known is named.
    pub const EMPTY: MechanismSet = MechanismSet(0);

    /// The set of these.
    pub const fn of(mechanisms: &[Mechanism]) -> MechanismSet {
        let (mut bits, mut place) = (0, 0);
        while place < mechanisms.len() {
            bits |= 1 << mechanisms[place] as u32;
            place += 1;
        }
        MechanismSet(bits)
    }

    /// Whether it has this one.
    pub const fn contains(self, mechanism: Mechanism) -> bool {
        self.0 >> mechanism as u32 & 1 == 1
    }

    /// Whether it has none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many it has.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The one that it has, if it is one.
    pub fn only(self) -> Option<Mechanism> {
        if self.len() == 1 { self.iter().next() } else { None }
    }

    /// What both have.
    pub const fn and(self, other: MechanismSet) -> MechanismSet {
        MechanismSet(self.0 & other.0)
    }

    /// What either has.
    pub const fn or(self, other: MechanismSet) -> MechanismSet {
        MechanismSet(self.0 | other.0)
    }

    /// All of it, in the order of [`Mechanism::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Mechanism> {
        Mechanism::ALL.into_iter().filter(move |mechanism| self.contains(*mechanism))
    }

    /// Their names.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Mechanism::name)
    }
}

impl FromIterator<Mechanism> for MechanismSet {
    fn from_iter<I: IntoIterator<Item = Mechanism>>(mechanisms: I) -> MechanismSet {
        mechanisms.into_iter().fold(MechanismSet::EMPTY, |set, mechanism| set.or(MechanismSet::of(&[mechanism])))
    }
}
