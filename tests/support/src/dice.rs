//! Random values that are the same in every run, and the changes of a fuzzer.

use std::ops::Range;

/// xorshift64* with a fixed seed.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(high).expect("31 bits") % bound.max(1)
    }

    pub fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).expect("a byte")
    }

    pub fn range(&mut self, length: usize) -> Range<usize> {
        let start = self.below(length + 1);
        start..(start + 1 + self.below(16)).min(length).max(start)
    }

    /// One to four changes: a bit, a byte, an inserted word, a removed or repeated range, the tail of another seed.
    pub fn mutated(&mut self, seed: &[u8], words: &[&[u8]], other: &[u8]) -> Vec<u8> {
        let mut bytes = seed.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            let range = self.range(bytes.len());
            match self.below(8) {
                0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
                1 if !bytes.is_empty() => bytes[at] = self.byte(),
                2 => bytes.insert(at, self.byte()),
                3 | 4 => {
                    let word = words[self.below(words.len())];
                    bytes.splice(at..at, word.iter().copied());
                }
                5 => {
                    bytes.drain(range);
                }
                6 => {
                    let copy = bytes[range].to_vec();
                    let copies = 1 + self.below(64);
                    bytes.splice(at..at, copy.repeat(copies));
                }
                _ => {
                    let tail = &other[self.below(other.len())..];
                    bytes.truncate(at);
                    bytes.extend_from_slice(tail);
                }
            }
        }
        bytes
    }
}

/// The number of turns of a fuzz target: `FUZZ_TURNS`, or a few, which are fast.
pub fn turns(usual: u64) -> u64 {
    match std::env::var("FUZZ_TURNS") {
        Ok(text) => text.parse().expect("FUZZ_TURNS is a number"),
        Err(_) => usual,
    }
}
