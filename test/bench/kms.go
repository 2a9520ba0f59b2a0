package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// kmsService is the KMS service in a process of its own.
type kmsService struct{ *servers.KMS }

func (k *kmsService) file(name string) string { return filepath.Join(k.Dir, name) }

// createKey creates a CMK and returns its id.
func (k *kmsService) createKey(ctx context.Context, r *kmsapi.CreateKeyRequest) (string, error) {
	c, err := k.Client()
	if err != nil {
		return "", err
	}
	defer c.Close()
	made, err := c.CreateKey(ctx, r)
	if err != nil {
		return "", err
	}
	return made.KeyMetadata.KeyId, nil
}

// form is a signed request with a nonce of its own.
func (k *kmsService) form(r kmsapi.Request) string { return k.SignedForm(r, rand.Text(), time.Now()) }

// audited counts the requests in the audit log.
func (k *kmsService) audited() (int, error) {
	log, err := os.ReadFile(k.file("audit.log"))
	return bytes.Count(log, []byte("\n")), err
}

var residentSet = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the process's memory in MiB, from Linux's /proc or, elsewhere, from ps.
func (k *kmsService) resident(ctx context.Context) (float64, error) {
	pid := strconv.Itoa(k.PID())
	kib := output(ctx, "ps", "-o", "rss=", "-p", pid)
	if status, err := os.ReadFile("/proc/" + pid + "/status"); err == nil {
		if match := residentSet.FindSubmatch(status); match != nil {
			kib = string(match[1])
		}
	}
	size, err := strconv.ParseFloat(kib, 64)
	if err != nil {
		return 0, fmt.Errorf("neither /proc nor ps reports the memory of process %s: %w", pid, err)
	}
	return size / 1024, nil
}
