//! CRC-32 as gzip has it, of bytes that are put together from pieces whose checksums are known.

use flate2::Crc;

/// The polynomial of gzip with its bits reversed: the highest bit is the constant term.
const POLYNOMIAL: u32 = 0xedb8_8320;

/// The polynomial 1.
const ONE: u32 = 1 << 31;

/// The checksum of a piece, and what its length does to the checksum of whatever stands before it; so putting two together
/// is one multiplication, not one for each bit of the length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checksum {
    sum: u32,
    shift: u32,
    /// Modulo 2^32, as gzip's trailer has it.
    length: u32,
}

impl Checksum {
    /// Of nothing.
    pub const EMPTY: Checksum = Checksum { sum: 0, shift: ONE, length: 0 };

    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Checksum {
        let mut crc = Crc::new();
        crc.update(bytes);
        Checksum { sum: crc.sum(), shift: power(bytes.len() as u64), length: bytes.len() as u32 }
    }

    /// Of these bytes with `next` behind them.
    pub fn then(self, next: Checksum) -> Checksum {
        Checksum {
            sum: multiply(next.shift, self.sum) ^ next.sum,
            shift: multiply(next.shift, self.shift),
            length: self.length.wrapping_add(next.length),
        }
    }

    /// The end of a gzip member: checksum and length.
    pub fn trailer(self) -> [u8; 8] {
        let mut trailer = [0; 8];
        trailer[..4].copy_from_slice(&self.sum.to_le_bytes());
        trailer[4..].copy_from_slice(&self.length.to_le_bytes());
        trailer
    }
}

/// The product of two polynomials, modulo that of gzip.
fn multiply(a: u32, mut b: u32) -> u32 {
    let mut product = 0;
    for bit in (0..32).rev() {
        // Masks rather than branches: the bits are as good as random.
        product ^= b & 0u32.wrapping_sub(a >> bit & 1);
        b = b >> 1 ^ POLYNOMIAL & 0u32.wrapping_sub(b & 1);
    }
    product
}

/// x to the number of bits in this many bytes.
fn power(mut bytes: u64) -> u32 {
    let (mut result, mut square) = (ONE, ONE >> 8);
    while bytes > 0 {
        if bytes & 1 == 1 {
            result = multiply(square, result);
        }
        square = multiply(square, square);
        bytes >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_have_the_checksum_of_the_whole() {
        let bytes: Vec<u8> = (0..300_000u64).map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
        let whole = Checksum::of(&bytes);
        for size in [1, 7, 4096, 65_536, 299_999] {
            let pieces = bytes.chunks(size).fold(Checksum::EMPTY, |sum, piece| sum.then(Checksum::of(piece)));
            assert_eq!(pieces, whole, "pieces of {size}");
        }
        assert_eq!(whole.then(Checksum::EMPTY), whole);
        assert_eq!(Checksum::EMPTY.then(whole), whole);
    }

    #[test]
    fn the_trailer_is_that_of_gzip() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(Checksum::of(b"123456789").trailer(), [0x26, 0x39, 0xf4, 0xcb, 9, 0, 0, 0]);
    }
}
