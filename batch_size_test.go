package alicloudkms

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/budget"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// held makes the engine's calls to KMS wait. It returns a channel that gets a value for each call, and the function
// that lets them go on.
func (r *rig) held() (asked chan struct{}, goOn func()) {
	wait := make(chan struct{})
	asked = make(chan struct{}, 1000)
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		asked <- struct{}{}
		<-wait
		return nil
	}
	return asked, func() { close(wait) }
}

// batchOf returns a batch of about size bytes.
func batchOf(size int) map[string]any {
	return object("batch_input", []any{object("plaintext", hello, "reference", strings.Repeat("r", size))})
}

func TestBytesOfBatchesAtWorkAreBoundedPerMount(t *testing.T) {
	r := newKeyRig(t, "a")
	r.backend().batches = budget.New(10_000, r.backend().process.batches)
	_, err := r.tryWrite("encrypt/a", batchOf(10_000))
	refused(t, err, 400, "too large", "smaller")

	asked, goOn := r.held()
	done := make(chan error)
	go func() { _, err := r.tryWrite("encrypt/a", batchOf(6_000)); done <- err }()
	<-asked
	for _, path := range []string{"encrypt/a", "decrypt/a", "rewrap/a", "datakey/wrapped/a"} {
		_, err = r.tryWrite(path, batchOf(6_000))
		refused(t, err, 429, "no room", "None of its items was sent", "try again")
	}
	require.Empty(t, asked)
	goOn()
	require.NoError(t, <-done)
	r.write("encrypt/a", batchOf(6_000))
}

func TestBytesOfBatchesAtWorkAreBoundedPerProcess(t *testing.T) {
	one, other := newKeyRig(t, "a"), newKeyRig(t, "a")
	whole := budget.New(10_000, nil)
	one.backend().batches, other.backend().batches = budget.New(8_000, whole), budget.New(8_000, whole)
	asked, goOn := one.held()
	done := make(chan error)
	go func() { _, err := one.tryWrite("encrypt/a", batchOf(6_000)); done <- err }()
	<-asked
	_, err := other.tryWrite("encrypt/a", batchOf(6_000))
	refused(t, err, 429, "no room")
	other.write("encrypt/a", batchOf(1_000))
	goOn()
	require.NoError(t, <-done)
	other.write("encrypt/a", batchOf(6_000))
}

func TestMountsOfOneFactoryShareABudget(t *testing.T) {
	factory := NewFactory()
	conf := logical.TestBackendConfig()
	conf.StorageView = &logical.InmemStorage{}
	one, err := factory(t.Context(), conf)
	require.NoError(t, err)
	other, err := factory(t.Context(), conf)
	require.NoError(t, err)
	require.Same(t, one.(*backend).process, other.(*backend).process)
	require.NotSame(t, one.(*backend).batches, other.(*backend).batches)
	require.EqualValues(t, 64<<20, one.(*backend).batches.Size())
	require.EqualValues(t, 256<<20, one.(*backend).process.batches.Size())
}

func TestRoomOfABatchThatFailsIsFreeAgain(t *testing.T) {
	r := newKeyRig(t, "a")
	r.backend().batches = budget.New(10_000, nil)
	for range 5 {
		_, err := r.tryWrite("encrypt/nobody", batchOf(6_000))
		refused(t, err, 404)
	}
	r.write("encrypt/a", batchOf(6_000))
}

func TestInputOfAnItemIsLetGoOnceItIsSent(t *testing.T) {
	r := newKeyRig(t, "a")
	list := []any{object("plaintext", hello), object("plaintext", "!"), "not an object"}
	d := &framework.FieldData{
		Raw:    map[string]any{"name": "a", "batch_input": list},
		Schema: batchFields(encryptItem),
	}
	b := r.backend()
	handle := b.batch(encryptItem, b.encrypt, statusOfFailures)
	_, err := handle(t.Context(), r.request(logical.UpdateOperation, "encrypt/a", nil), d)
	require.NoError(t, err)
	require.Equal(t, []any{nil, nil, nil}, list)
}

func TestBatchOfTheCallerIsNotChanged(t *testing.T) {
	r := newKeyRig(t, "a")
	data := batchOf(5)
	r.write("encrypt/a", data)
	require.Equal(t, batchOf(5), data)
}

func TestSizeOfABatchIsAtLeastThatOfItsStrings(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for _, value := range []any{
		long, []any{long}, object(long, "x"), object("x", long), []any{object("x", []any{object("y", long)})},
	} {
		require.InDelta(t, 1000, sizeOf(value), 1200)
		require.GreaterOrEqual(t, sizeOf(value), int64(1000))
	}
}
