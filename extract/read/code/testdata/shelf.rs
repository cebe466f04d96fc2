//! Shelves.

use std::fmt;

/// A shelf.
#[derive(Debug)]
pub struct Shelf<'a, T = u8> {
    items: Vec<&'a T>,
}

impl<'a, T: Clone> Shelf<'a, T> {
    /// Makes one.
    #[inline]
    pub(crate) fn new(size: usize) -> Self {
        let c = '{';
        let s = r#"}"{"#;
        Shelf { items: vec![] }
    }

    /// Puts a thing on it.
    pub fn put<F>(&mut self, f: F) -> Option<T>
    where
        F: Fn(&T) -> bool,
    {
        None
    }
}

impl<'a> fmt::Display for Shelf<'a, u8> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}", 1)
    }
}

/// What can be stored.
pub trait Thing {
    /// Weighs it.
    fn weigh(&self) -> u32;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_one() {
        assert!(Shelf::<u8>::new(1).put(|_| true).is_none());
    }
}
