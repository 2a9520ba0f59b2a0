package ops

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// operationInfo has a series for each operation, with the value 1 and its rate class as a label. Requests are counted
// by operation and limited by class, so queries use it to join the two without a list of their own.
func operationInfo() prometheus.Collector {
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: namePrefix + "operation_info", Help: "1 for each operation, with the class of its rate limit.",
	}, []string{"action", "class"})
	for _, operation := range kmsapi.Operations() {
		info.WithLabelValues(string(operation), string(operation.RateClass())).Set(1)
	}
	return info
}
