//! Enums that have the same names on the wire and in core.

/// Declares both directions between an enum of the wire and its twin in core. The wire's zero is refused.
macro_rules! twins {
    ($($wire:ident = $core:ty { $($name:ident),+ $(,)? })+) => { $(
        impl From<$core> for crate::v1::$wire {
            fn from(value: $core) -> Self {
                match value {
                    $(<$core>::$name => Self::$name,)+
                }
            }
        }

        impl TryFrom<crate::v1::$wire> for $core {
            type Error = crate::convert::Invalid;

            fn try_from(wire: crate::v1::$wire) -> Result<Self, Self::Error> {
                match wire {
                    crate::v1::$wire::Unspecified => Err(crate::convert::Invalid::new("", "not set")),
                    $(crate::v1::$wire::$name => Ok(Self::$name),)+
                }
            }
        }
    )+ };
}

pub(crate) use twins;
