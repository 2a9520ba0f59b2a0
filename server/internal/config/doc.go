// Package config is the configuration of the KMS service: the types that package server reads from an HCL file, their
// defaults and their validation. It is below all other packages of the service, so that each can take its own part of
// the configuration. It opens no file except the configuration itself. docs/kms-configuration.md describes every field
// for operators.
package config
