//! A queue.

use std::collections::VecDeque;

/// First in, first out. Long enough that the block is worth being one of its own, so that
/// the cut is made before it and not anywhere within the function that follows the blank line.
pub struct Queue<T> {
    items: VecDeque<T>,

    count: usize,
}

impl<T> Queue<T> {
    pub fn push(&mut self, v: T) {
        self.items.push_back(v);

        self.count += 1;
    }
}
