// Package private reads files that hold a secret: root keys, access keys' secrets and TLS keys. It refuses one that the
// wrong users have access to, by one rule for all of them, with the command that makes it right.
package private
