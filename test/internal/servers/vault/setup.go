package vault

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/vault/api"
)

// Initialize initializes a new server, gives Client its root token and unseals it.
func (s *Server) Initialize(ctx context.Context, request *api.InitRequest) (*api.InitResponse, error) {
	made, err := s.Client.Sys().InitWithContext(ctx, request)
	if err != nil {
		return nil, err
	}
	if len(made.Keys) > 0 {
		s.UnsealKey = made.Keys[0]
	}
	if len(made.RecoveryKeys) > 0 {
		s.RecoveryKey = made.RecoveryKeys[0]
	}
	s.Client.SetToken(made.RootToken)
	return made, s.Unseal(ctx)
}

// Unseal unseals the server, if no seal does, and waits until it is active.
func (s *Server) Unseal(ctx context.Context) error {
	if s.UnsealKey != "" {
		if _, err := s.Client.Sys().UnsealWithContext(ctx, s.UnsealKey); err != nil {
			return err
		}
	}
	return s.await(ctx, s.IsActive)
}

// IsActive reports whether the server serves requests as the leader of its cluster.
func (s *Server) IsActive() bool {
	health, err := s.Client.Sys().Health()
	return err == nil && health.Initialized && !health.Sealed && !health.Standby
}

// EnableAudit turns the audit log on.
func (s *Server) EnableAudit(ctx context.Context) error {
	return s.Client.Sys().EnableAuditWithOptionsWithContext(ctx, "file", &api.EnableAuditOptions{
		Type: "file", Options: map[string]string{"file_path": s.Dir + ".audit.log"},
	})
}

// Register puts a secrets plugin into the catalog, by the checksum of its file in the plugin directory.
func (s *Server) Register(ctx context.Context, name, file, version string) error {
	sum, err := SHA256(file)
	if err != nil {
		return err
	}
	return s.Client.Sys().RegisterPluginWithContext(ctx, &api.RegisterPluginInput{
		Name: name, Type: api.PluginTypeSecrets, Command: filepath.Base(file), SHA256: sum, Version: version,
	})
}

// SHA256 is the checksum of a file in hex, as the plugin catalog takes it.
func SHA256(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
