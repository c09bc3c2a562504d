//! Takes an input apart: the same bytes always give the same things, and there is no end to them.

/// What is left of it.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    /// The next byte; 0 behind the end.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    /// Whether there is nothing left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One of these.
    pub fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::from(self.byte()) % all.len()].clone()
    }

    /// Any number, often one of those that are odd.
    pub fn number(&mut self) -> f64 {
        const ODD: [f64; 12] = [
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.1,
            f64::MAX,
            f64::MIN_POSITIVE,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            9_007_199_254_740_993.0,
            1_763_771_283.123,
        ];
        match self.byte() {
            odd if usize::from(odd) < ODD.len() => ODD[usize::from(odd)],
            small if small < 128 => f64::from(small),
            _ => f64::from_bits(u64::from_le_bytes([(); 8].map(|()| self.byte()))),
        }
    }

    /// Any text, up to as many bytes as the next byte says, or ten times as many.
    pub fn text(&mut self) -> String {
        let length = usize::from(self.byte());
        let length = if length > 250 { length * 10 } else { length };
        let (text, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        String::from_utf8_lossy(text).into_owned()
    }
}
