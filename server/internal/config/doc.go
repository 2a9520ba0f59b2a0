// Package config is the configuration of the KMS service: the types that package server reads from an HCL file, their
// defaults and their validation. It lies below all rooms of the service, so that each takes its own part of it, and
// opens no file but the configuration itself. docs/kms-configuration.md describes every field for operators.
package config
