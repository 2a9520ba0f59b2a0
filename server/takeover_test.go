package server_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// endings are the two ways in which an active node makes way for another.
var endings = map[string]func(*trialNode){"a crash": (*trialNode).close, "a step-down": (*trialNode).shutdown}

func TestNoRequestIsAcceptedByTwoNodes(t *testing.T) {
	for ending, end := range endings {
		for _, ahead := range []time.Duration{-trialSkew, 0, trialSkew} {
			t.Run(fmt.Sprintf("%s, with a clock that is %s ahead", ending, ahead), func(t *testing.T) {
				tr := newTrial(t)
				one := tr.startAhead("one", ahead)
				one.awaitActive()
				now := tr.clock.Now().Add(ahead)
				accepted := []string{
					tr.signedAt(now, "CreateKey"), tr.signedAt(now.Add(-time.Minute), "CreateKey"),
					tr.signedAt(now.Add(time.Minute), "CreateKey"), tr.signedAt(now.Add(time.Second), "CreateKey"),
				}
				for _, form := range accepted {
					require.Equal(t, http.StatusOK, one.post(form).status)
				}
				two := tr.start("two")
				end(one)
				two.awaitActive()
				for range 40 {
					for _, form := range accepted {
						require.NotEqual(t, http.StatusOK, two.post(form).status)
					}
					tr.clock.advance(500 * time.Millisecond)
				}
				require.Equal(t, len(accepted), two.must("ListKeys").TotalCount)
			})
		}
	}
}

func TestAfterACrashTheNextNodeRefusesUntilNoClockCanBeBefore(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	id := one.createKey()
	two := tr.start("two", withOps(t))
	one.close()
	two.awaitActive()
	floor := tr.clock.Now().Add(trialSkew + 500*time.Millisecond)
	for _, at := range []time.Duration{0, time.Second, time.Second + 400*time.Millisecond} {
		tr.clock.advance(floor.Add(at - 1500*time.Millisecond).Sub(tr.clock.Now()))
		got := two.do("DescribeKey", "KeyId", id)
		got.refused(t, kmsapi.ErrServiceUnavailable)
		require.Contains(t, got.Message, "Sign the request again")
		status, text := observe(t, two.OpsAddress(), http.MethodGet, "/healthz")
		require.Equal(t, http.StatusServiceUnavailable, status, "it can't serve")
		require.Contains(t, text, floor.Format(time.RFC3339))
	}
	tr.clock.advance(floor.Sub(tr.clock.Now()))
	require.Equal(t, id, two.must("DescribeKey", "KeyId", id).KeyMetadata.KeyId)
}

func TestAfterAStepDownTheNextNodeServesFromTheNextSecond(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	id := one.createKey()
	two := tr.start("two")
	one.shutdown()
	two.awaitActive()
	two.do("DescribeKey", "KeyId", id).refused(t, kmsapi.ErrServiceUnavailable)
	tr.clock.advance(500 * time.Millisecond)
	two.must("DescribeKey", "KeyId", id)

	three := tr.start("three")
	tr.clock.advance(time.Second)
	two.shutdown()
	three.awaitActive()
	three.must("DescribeKey", "KeyId", id)
}

func TestAnOrderlyMarkIsNotLeftToTheNodeAfterTheNext(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	one.createKey()
	two := tr.start("two")
	one.shutdown()
	two.awaitServing()
	accepted := tr.signed("CreateKey")
	require.Equal(t, http.StatusOK, two.post(accepted).status)
	three := tr.start("three")
	two.close()
	three.awaitActive()
	three.post(accepted).refused(t, kmsapi.ErrServiceUnavailable)
	tr.clock.advance(trialSkew + time.Second)
	three.post(accepted).refused(t, kmsapi.ErrIllegalTimestamp)
}

func TestANodeThatCanNotWriteItsMarkDoesNotServe(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	one.createKey()
	commits := 0
	full := func() error {
		if commits++; commits == 3 { // The third, after those of the step-down and the layout, is the takeover's mark.
			return fmt.Errorf("full: %w", store.ErrUnavailable)
		}
		return nil
	}
	tr.cluster.beforeCommit.Store(&full)
	one.shutdown()
	two := tr.start("two")
	tr.awaitInTime("two is active in the end", func() bool { return two.NodeHealth().Active })
	require.Contains(t, two.log.String(), "could not be the active one")
	require.Equal(t, 6, commits, "it gives the term up, and takes over again")
}

func TestWhatANodeLeavesToTheNextIsGoodThere(t *testing.T) {
	for ending, end := range endings {
		t.Run(ending, func(t *testing.T) {
			tr := newTrial(t)
			limit := func(c *server.Config) {
				c.RateLimits.ListTags = 1
			}
			one := tr.start("one", limit)
			one.awaitActive()
			id := one.createKey("Origin", "EXTERNAL")
			parameters := one.must("GetParametersForImport",
				"KeyId", id, "WrappingAlgorithm", kmsapi.WrapOAEPSHA256, "WrappingKeySpec", "RSA_2048")
			one.must("ListResourceTags", "KeyId", id)
			one.do("ListResourceTags", "KeyId", id).refused(t, kmsapi.ErrThrottling)
			two := tr.start("two", limit)
			end(one)
			two.awaitServing()

			material := bytes.Repeat([]byte{7}, 32)
			two.must("ImportKeyMaterial", "KeyId", id, "ImportToken", parameters.ImportToken,
				"EncryptedKeyMaterial", wrapBy(t, kmsapi.WrapOAEPSHA256, parameters.PublicKey, material))
			two.must("Encrypt", "KeyId", id, "Plaintext", base64.StdEncoding.EncodeToString([]byte("x")))
			two.must("ListResourceTags", "KeyId", id)
			two.do("ListResourceTags", "KeyId", id).refused(t, kmsapi.ErrThrottling)
		})
	}
}

func TestOnlyTheActiveNodeSweeps(t *testing.T) {
	tr := newTrial(t)
	one, two := tr.start("one", withOps(t)), (*trialNode)(nil)
	one.awaitActive()
	id := one.createKey("EnableAutomaticRotation", "true", "RotationInterval", "30d")
	two = tr.start("two", withOps(t))
	tr.clock.advance(31 * 24 * time.Hour)
	for range 2 {
		require.NoError(t, two.Sweep(t.Context()))
		require.NoError(t, one.Sweep(t.Context()))
	}
	_, metrics := observe(t, one.OpsAddress(), http.MethodGet, "/metrics")
	require.Contains(t, metrics, "alicloudkms_rotations_total 1\n")
	_, metrics = observe(t, two.OpsAddress(), http.MethodGet, "/metrics")
	require.Contains(t, metrics, "alicloudkms_rotations_total 0\n")
	require.Len(t, one.must("ListKeyVersions", "KeyId", id).KeyVersions.KeyVersion, 2)
}

func TestAnActiveNodeWhoseStoreTakesNoWritesRefusesThem(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	id := one.createKey()
	full := func() error { return errors.Join(errDisk, store.ErrUnavailable) }
	tr.cluster.beforeCommit.Store(&full)
	one.do("CreateKey").refused(t, kmsapi.ErrServiceUnavailable)
	one.must("DescribeKey", "KeyId", id)
	tr.cluster.beforeCommit.Store(nil)
	one.createKey()
}
