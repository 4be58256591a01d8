//! Reads what a run left and decides whether every effect happened once; shares no code with the hosts.
