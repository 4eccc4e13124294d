//! Everything that crosses the wire comes back as it was, and what breaks a limit is refused by name.

#[cfg(test)]
mod garbage;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod strategy;
