package server

import (
	"crypto/fips140"
	"errors"
)

// checkFIPS returns an error unless Go's FIPS 140-3 module is in the mode that c needs.
func checkFIPS(c Config) error {
	return fipsMode{enabled: fips140.Enabled(), enforced: fips140.Enforced()}.check(c)
}

// fipsMode is the FIPS mode of the process, which the environment variable GODEBUG sets at its start.
type fipsMode struct{ enabled, enforced bool }

// check refuses enforcement, whatever c says: every signature of RPC version 1 is HMAC-SHA1, and XAES-256-GCM chooses
// its own nonces. Both would end the process.
func (m fipsMode) check(c Config) error {
	if m.enforced {
		return c.Place().Field("fips").Fault(errors.New(
			"GODEBUG=fips140=only can't be used: the API's signatures are HMAC-SHA1; use fips140=on"))
	}
	if c.FIPS && !m.enabled {
		return c.Place().Field("fips").Fault(errors.New(
			"the FIPS 140-3 module of Go is off: start the service with GODEBUG=fips140=on in its environment"))
	}
	return nil
}
