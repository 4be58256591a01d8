//! The protocol as a small model, searched through and through; and what breaks without each rule.
