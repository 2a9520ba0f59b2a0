package signing

import "hash"

// newSM3 makes SM3. It is nil in a program that does not link package sm3, and only set before main runs.
var newSM3 func() hash.Hash

// RegisterSM3 gives the program SM3. Like crypto.RegisterHash, it is for the init function of the package that has it.
func RegisterSM3(sm3 func() hash.Hash) { newSM3 = sm3 }

// NewSM3 returns the function that makes SM3, and nil if the program has none.
func NewSM3() func() hash.Hash { return newSM3 }
