module gothings

go 1.19
