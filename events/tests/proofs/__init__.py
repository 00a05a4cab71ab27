"""What live events promise, proved over real processes on both servers; `PROOFS=full` for the sizes of the promise."""
