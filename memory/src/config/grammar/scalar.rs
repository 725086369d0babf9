//! Text, booleans, whole numbers, fractions and enumerations.

use super::{ConfigValue, Refused};

impl ConfigValue for String {
    fn type_name() -> String {
        "String".to_owned()
    }

    fn accepted() -> String {
        "any text".to_owned()
    }

    fn parse_value(text: &str) -> Result<String, Refused> {
        Ok(text.to_owned())
    }
}

impl ConfigValue for bool {
    fn type_name() -> String {
        "Boolean".to_owned()
    }

    fn accepted() -> String {
        "true or false".to_owned()
    }

    fn parse_value(text: &str) -> Result<bool, Refused> {
        match text.trim() {
            word if word.eq_ignore_ascii_case("true") => Ok(true),
            word if word.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(Refused::because("it is neither true nor false")),
        }
    }
}

impl ConfigValue for u32 {
    fn type_name() -> String {
        "Integer".to_owned()
    }

    fn accepted() -> String {
        "a whole number from 0 to 4294967295".to_owned()
    }

    fn parse_value(text: &str) -> Result<u32, Refused> {
        text.trim().parse().map_err(|_| Refused::because("it is not such a number"))
    }
}

impl ConfigValue for u64 {
    fn type_name() -> String {
        "Long".to_owned()
    }

    fn accepted() -> String {
        "a whole number from 0 to 18446744073709551615".to_owned()
    }

    fn parse_value(text: &str) -> Result<u64, Refused> {
        text.trim().parse().map_err(|_| Refused::because("it is not such a number"))
    }
}

impl ConfigValue for f64 {
    fn type_name() -> String {
        "Double".to_owned()
    }

    fn accepted() -> String {
        "a decimal number such as 1.5".to_owned()
    }

    fn parse_value(text: &str) -> Result<f64, Refused> {
        let number: f64 =
            text.trim().parse().map_err(|_| Refused::because("it is not a decimal number"))?;
        if !number.is_finite() {
            return Err(Refused::because("it is not finite"));
        }
        Ok(number)
    }
}

/// A share of something, from 0 up to but without 1. Kept in 32 bits: Flink keeps its fractions so,
/// and memory plans only agree with it to the byte when the same rounding is applied.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Fraction(f32);

impl Fraction {
    /// The fraction widened to 64 bits, with the error of its 32-bit form: 0.1 gives
    /// 0.10000000149011612.
    pub fn widened(self) -> f64 {
        f64::from(self.0)
    }
}

impl std::fmt::Display for Fraction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl ConfigValue for Fraction {
    fn type_name() -> String {
        "Float".to_owned()
    }

    fn accepted() -> String {
        "a decimal number of at least 0 and below 1, such as 0.1".to_owned()
    }

    fn parse_value(text: &str) -> Result<Fraction, Refused> {
        let number: f32 =
            text.trim().parse().map_err(|_| Refused::because("it is not a decimal number"))?;
        if !(0.0..1.0).contains(&number) {
            return Err(Refused::because("it is not within 0 and 1"));
        }
        // -0.0 lies in the range; its sign would show when printed.
        Ok(Fraction(number.abs()))
    }
}

/// A type with a fixed set of names, matched without regard to case, and with `-` equal to `_`.
pub trait ConfigEnum: Copy + 'static {
    /// The type's name as the documentation prints it.
    const NAME: &'static str;
    /// Every name with its value; the first name of a value is the canonical one.
    const NAMES: &'static [(&'static str, Self)];
}

impl<E: ConfigEnum> ConfigValue for E {
    fn type_name() -> String {
        E::NAME.to_owned()
    }

    fn accepted() -> String {
        let names: Vec<&str> = E::NAMES.iter().map(|&(name, _)| name).collect();
        format!("one of {}", names.join(", "))
    }

    fn parse_value(text: &str) -> Result<E, Refused> {
        let wanted = text.trim().replace('-', "_");
        E::NAMES
            .iter()
            .find(|(name, _)| name.replace('-', "_").eq_ignore_ascii_case(&wanted))
            .map(|&(_, value)| value)
            .ok_or_else(|| Refused::because("it is none of the names"))
    }
}
