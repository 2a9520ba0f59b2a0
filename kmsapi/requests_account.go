package kmsapi

// OpDescribeAccountKmsStatus is DescribeAccountKmsStatus.
const OpDescribeAccountKmsStatus Operation = "DescribeAccountKmsStatus"

// DescribeAccountKmsStatusRequest asks whether the account may use KMS.
type DescribeAccountKmsStatusRequest struct {
	answers[DescribeAccountKmsStatusResponse]
}

// Operation returns [OpDescribeAccountKmsStatus].
func (*DescribeAccountKmsStatusRequest) Operation() Operation { return OpDescribeAccountKmsStatus }

func (*DescribeAccountKmsStatusRequest) visit(visitor) {}

// DescribeAccountKmsStatusResponse says whether the account may use KMS.
type DescribeAccountKmsStatusResponse struct {
	Reply
	// AccountStatus is [AccountEnabled], or NotEnabled, InDebt or Suspended.
	AccountStatus string
}

// AccountEnabled is the status of an account that may use KMS.
const AccountEnabled = "Enabled"

// OpOpenKmsService is OpenKmsService.
const OpOpenKmsService Operation = "OpenKmsService"

// OpenKmsServiceRequest signs the account up for KMS. It changes nothing if the account already is.
type OpenKmsServiceRequest struct {
	answers[OpenKmsServiceResponse]
}

// Operation returns [OpOpenKmsService].
func (*OpenKmsServiceRequest) Operation() Operation { return OpOpenKmsService }

func (*OpenKmsServiceRequest) visit(visitor) {}

// OpenKmsServiceResponse says that the account is signed up.
type OpenKmsServiceResponse struct{ Reply }
