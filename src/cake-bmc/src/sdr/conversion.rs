//! From a raw byte to a number (IPMI 2.0 §36.3): `y = L[(M·x + B·10^K1)·10^K2]`.

/// How a byte is a number (§43.1, byte 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Unsigned,
    OnesComplement,
    TwosComplement,
}

/// M, B and their exponents: of the record, or of Get Sensor Reading Factors for a sensor that is not linear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factors {
    /// 10 bits, signed.
    pub m: i16,
    pub b: i16,
    /// K1 and K2: 4 bits, signed.
    pub b_exponent: i8,
    pub exponent: i8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversion {
    pub format: Format,
    /// §43.1, byte 24: 0 … 11, from 70h on the factors depend on the reading.
    pub linearisation: u8,
    pub factors: Factors,
}

impl Factors {
    /// The six bytes that begin with M's lower ones, as they stand in a full record and in the answer to Get Sensor Reading
    /// Factors (§35.5).
    pub fn parse(bytes: &[u8; 6]) -> Self {
        let ten_bits = |low: u8, high: u8| {
            let value = i16::from(low) | i16::from(high >> 6) << 8;
            if value & 0x200 == 0 { value } else { value - 0x400 }
        };
        let four_bits = |value: u8| {
            let value = value as i8 & 0xf;
            if value & 8 == 0 { value } else { value - 16 }
        };
        let (exponent, b_exponent) = (four_bits(bytes[5] >> 4), four_bits(bytes[5]));
        Self { m: ten_bits(bytes[0], bytes[1]), b: ten_bits(bytes[2], bytes[3]), b_exponent, exponent }
    }
}

impl Conversion {
    /// The factors are of one reading only and must be asked for.
    pub const fn is_non_linear(&self) -> bool {
        self.linearisation >= 0x70
    }

    /// `None` where the formula has no value there: the logarithm of zero, one divided by zero.
    pub fn value(&self, raw: u8) -> Option<f64> {
        self.value_by(self.factors, raw)
    }

    pub fn value_by(&self, factors: Factors, raw: u8) -> Option<f64> {
        let y = self.linearise(factors.apply(self.number(raw)));
        // Minus zero is a zero that people wonder about.
        y.is_finite().then_some(y + 0.0)
    }

    fn number(&self, raw: u8) -> i64 {
        match self.format {
            Format::Unsigned => i64::from(raw),
            Format::TwosComplement => i64::from(raw as i8),
            Format::OnesComplement if raw & 0x80 == 0 => i64::from(raw),
            Format::OnesComplement => -i64::from(!raw),
        }
    }

    fn linearise(&self, x: f64) -> f64 {
        match self.linearisation {
            1 => x.ln(),
            2 => x.log10(),
            3 => x.log2(),
            4 => x.exp(),
            5 => 10f64.powf(x),
            6 => x.exp2(),
            7 => x.recip(),
            8 => x * x,
            9 => x * x * x,
            10 => x.sqrt(),
            11 => x.cbrt(),
            _ => x,
        }
    }
}

impl Factors {
    /// Whole numbers as long as it goes and one division at the end, so that 3.3 V is 3.3 and not 3.3000000000000003.
    fn apply(&self, x: i64) -> f64 {
        let (product, exponent) = (i64::from(self.m) * x, i32::from(self.exponent));
        let b_exponent = i32::from(self.b_exponent);
        let (whole, exponent) = if b_exponent >= 0 {
            (product + i64::from(self.b) * 10i64.pow(b_exponent.unsigned_abs()), exponent)
        } else {
            (product * 10i64.pow(b_exponent.unsigned_abs()) + i64::from(self.b), exponent + b_exponent)
        };
        let power = 10f64.powi(exponent.abs());
        if exponent < 0 { whole as f64 / power } else { whole as f64 * power }
    }
}

#[cfg(test)]
mod tests {
    use super::{Conversion, Factors, Format};
    use proptest::prelude::*;

    fn conversion(format: Format, linearisation: u8, factors: (i16, i16, i8, i8)) -> Conversion {
        let (m, b, b_exponent, exponent) = factors;
        Conversion { format, linearisation, factors: Factors { m, b, b_exponent, exponent } }
    }

    /// The bytes as IPMI 2.0 table 43-1 lays them out, written the other way round than they are read.
    fn encode(m: i16, b: i16, b_exponent: i8, exponent: i8, noise: u8) -> [u8; 6] {
        let bytes = |value: i16| [value.to_le_bytes()[0], (value.to_le_bytes()[1] & 3) << 6 | noise & 0x3f];
        let ([m, m_high], [b, b_high]) = (bytes(m), bytes(b));
        [m, m_high, b, b_high, noise, (exponent as u8) << 4 | b_exponent as u8 & 0xf]
    }

    #[test]
    fn what_is_measured_often_is_exact() {
        let value = |format, factors, raw| conversion(format, 0, factors).value(raw);
        assert_eq!(value(Format::Unsigned, (1, 0, 0, 0), 55), Some(55.0));
        // 3.3 V in steps of 16.5 mV, 12 V in steps of 60 mV.
        assert_eq!(value(Format::Unsigned, (165, 0, 0, -4), 200), Some(3.3));
        assert_eq!(value(Format::Unsigned, (6, 0, 0, -2), 200), Some(12.0));
        assert_eq!(value(Format::TwosComplement, (1, 0, 0, 0), 0xf6), Some(-10.0));
        assert_eq!(value(Format::OnesComplement, (1, 0, 0, 0), 0xf6), Some(-9.0));
        assert_eq!(value(Format::OnesComplement, (1, 0, 0, 0), 0xff), Some(0.0));
        assert_eq!(value(Format::Unsigned, (-2, 100, 0, 0), 5), Some(90.0));
        assert_eq!(value(Format::Unsigned, (100, 0, 0, 0), 23), Some(2300.0));
        assert_eq!(value(Format::Unsigned, (1, 5, 2, -1), 7), Some(50.7));
        assert_eq!(value(Format::Unsigned, (1, 5, -1, 0), 7), Some(7.5));
    }

    #[test]
    fn where_a_formula_has_no_value_there_is_none() {
        for (linearisation, raw) in [(1, 0), (2, 0), (3, 0), (7, 0)] {
            assert_eq!(conversion(Format::Unsigned, linearisation, (1, 0, 0, 0)).value(raw), None, "{linearisation}");
        }
        assert_eq!(conversion(Format::TwosComplement, 10, (1, 0, 0, 0)).value(0xff), None);
        assert_eq!(conversion(Format::Unsigned, 5, (511, 0, 0, 7)).value(255), None);
    }

    fn close(ours: f64, theirs: f64) -> bool {
        (ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-12)
    }

    proptest! {
        #[test]
        fn factors_are_read_as_they_were_written(
            m in -512i16..512, b in -512i16..512, b_exponent in -8i8..8, exponent in -8i8..8, noise: u8,
        ) {
            let read = Factors::parse(&encode(m, b, b_exponent, exponent, noise));
            prop_assert_eq!(read, Factors { m, b, b_exponent, exponent });
        }

        /// The formula of the specification, word by word, in floating point.
        #[test]
        fn the_formula_is_the_specifications(
            m in -512i16..512, b in -512i16..512, b_exponent in -8i8..8, exponent in -8i8..8, raw: u8, format in 0..3, l in 0u8..12,
        ) {
            let (format, x) = match format {
                0 => (Format::Unsigned, f64::from(raw)),
                1 if raw > 127 => (Format::OnesComplement, f64::from(raw) - 255.0),
                1 => (Format::OnesComplement, f64::from(raw)),
                _ if raw > 127 => (Format::TwosComplement, f64::from(raw) - 256.0),
                _ => (Format::TwosComplement, f64::from(raw)),
            };
            let (m_x, b_k) = (f64::from(m) * x, f64::from(b) * 10f64.powf(f64::from(b_exponent)));
            // Where the sum all but cancels, floating point says nothing.
            prop_assume!(m_x + b_k == 0.0 || (m_x + b_k).abs() > 1e-6 * m_x.abs().max(b_k.abs()));
            let y = (m_x + b_k) * 10f64.powf(f64::from(exponent));
            let e = std::f64::consts::E;
            let theirs = match l {
                1 => y.log(e), 2 => y.log(10.0), 3 => y.log(2.0), 4 => e.powf(y), 5 => 10f64.powf(y), 6 => 2f64.powf(y),
                7 => 1.0 / y, 8 => y.powi(2), 9 => y.powi(3), 10 => y.powf(0.5), 11 => y.signum() * y.abs().powf(1.0 / 3.0),
                _ => y,
            };
            // Exponentials magnify the last bit of a large argument, logarithms that of one near 1.
            prop_assume!(!(4..=6).contains(&l) || y.abs() < 300.0);
            prop_assume!(!(1..=3).contains(&l) || (y - 1.0).abs() > 1e-4);
            match conversion(format, l, (m, b, b_exponent, exponent)).value(raw) {
                Some(ours) if y == 0.0 => prop_assert!(ours == theirs || close(ours, theirs)),
                Some(ours) => prop_assert!(close(ours, theirs), "{ours} is not {theirs}"),
                None => prop_assert!(!theirs.is_finite(), "{theirs}"),
            }
        }

        #[test]
        fn no_byte_breaks_it(bytes: [u8; 6], raw: u8, linearisation: u8) {
            let factors = Factors::parse(&bytes);
            let all = [Format::Unsigned, Format::OnesComplement, Format::TwosComplement];
            for value in all.map(|format| Conversion { format, linearisation, factors }.value(raw)).into_iter().flatten() {
                prop_assert!(value.is_finite());
            }
        }
    }
}
