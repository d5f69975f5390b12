/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <locale.h>

#include "run.h"

int main(int argc, char **argv)
{
	/* For the width of characters; numbers stay as in C. */
	setlocale(LC_CTYPE, "");
	curl_global_init(CURL_GLOBAL_DEFAULT);
	int status = cli_run(argc, argv);
	curl_global_cleanup();
	return status;
}
