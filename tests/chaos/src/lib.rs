//! Real hosts and real servers under real faults, and the evidence that they leave.
