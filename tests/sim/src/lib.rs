//! The real gate, pipeline and settle on virtual time, with faults drawn from a seed.
