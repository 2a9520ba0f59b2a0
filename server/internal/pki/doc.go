// Package pki makes the certificates that a KMS service comes with: a CA, and below it certificates for the hosts of
// its gateways. All keys are on the curve P-256. It opens no file.
package pki
