"""How a graphics card is kept busy: what lies in its memory, what is fed to it, what it computes twice.

Each rule stands as a function of plain numbers in `room`; on a processor none of it happens."""
