# SPDX-License-Identifier: Apache-2.0
# The daemons.  Every folder of daemon/ is one static library made of all its
# .c files; its dependencies are the include order of the design:
# base <- os <- actor <- proto <- {store data guild gateway search cluster
# monitor} <- the mains.

CC_release = gcc
CC_asan = clang
CC_tsan = clang
CFLAGS_release = -O2 -g
CFLAGS_asan = -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
CFLAGS_tsan = -O1 -g -fsanitize=thread
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wundef -Wvla -Wformat=2 $(if $(CI),-Werror)

# The warnings of folders with third-party headers are not ours: -isystem.
DCC = $(CC_$(VARIANT))
DCFLAGS = -std=gnu11 $(CFLAGS_$(VARIANT)) $(WARN) -D_GNU_SOURCE -pthread \
	-Idaemon -Ikmod/uapi -Ibpf -I$(B)/include -fno-common -fstack-protector-strong
DLDFLAGS = $(CFLAGS_$(VARIANT)) -pthread

B = $(O)/$(VARIANT)

DIRS = base os actor proto store data guild gateway search cluster monitor
ORDER_base = base
ORDER_os = os base
ORDER_actor = actor os base
ORDER_proto = proto actor os base
$(foreach d,store data guild gateway search cluster,\
	$(eval ORDER_$(d) = $(d) proto actor os base))
# It watches the kernel and knows neither actors nor chat.
ORDER_monitor = monitor base
# What a daemon is made of, users before providers.
ORDER_chatd = gateway guild data search cluster store proto actor os base
ORDER_chatd-store = store proto actor os base
ORDER_superdiskd = monitor base
ORDER_superdisk = monitor base

LIBS_base =
LIBS_os = -luring
LIBS_actor =
LIBS_proto = -ljansson
LIBS_store = -lsqlite3 -lzstd
LIBS_data =
LIBS_guild = -lsqlite3 -lsodium
LIBS_gateway = -lwebsockets -lssl -lcrypto -lz -ljansson
LIBS_search = -lsqlite3
LIBS_cluster =
LIBS_monitor = -lbpf -lnl-genl-3 -lnl-3 -lmicrohttpd -ldevmapper -lsystemd \
	-ljansson -lcap
CFLAGS_monitor = -isystem /usr/include/libnl3

# $(call order,NAME): the libraries of a folder or daemon, in link order
order = $(foreach d,$(ORDER_$(1)),$(if $(wildcard daemon/$(d)/*.c),$(d)))
archives = $(foreach d,$(call order,$(1)),$(B)/lib$(d).a)
libs = $(foreach d,$(call order,$(1)),$(LIBS_$(d))) -lm

define DIR_RULES
$(B)/lib$(1).a: $(patsubst daemon/%.c,$(B)/daemon/%.o,$(wildcard daemon/$(1)/*.c))
	@rm -f $$@
	@ar rcs $$@ $$^
endef
$(foreach d,$(DIRS),$(if $(wildcard daemon/$(d)/*.c),$(eval $(call DIR_RULES,$(d)))))

$(B)/daemon/%.o: daemon/%.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC      $(VARIANT) $<"
	@$(DCC) $(DCFLAGS) $(CFLAGS_$(notdir $(patsubst %/,%,$(dir $<)))) -MMD -MP -c $< -o $@

# It carries the web page in it.
$(B)/daemon/gateway/page.o: $(wildcard daemon/web/*)

define MAIN_RULES
$(B)/bin/$(1): $(B)/daemon/$(1).o $(call archives,$(1))
	@mkdir -p $$(@D)
	@echo "  LD      $(VARIANT) $(1)"
	@$$(DCC) $$(DLDFLAGS) $$^ $(call libs,$(1)) -o $$@
endef
MAINS = $(patsubst daemon/%.c,%,$(wildcard daemon/*.c))
$(foreach m,$(MAINS),$(eval $(call MAIN_RULES,$(m))))

# Built with: make VARIANT=asan daemons
.PHONY: daemons
daemons: $(foreach m,$(MAINS),$(B)/bin/$(m))

-include $(shell find $(O) -name '*.d' 2>/dev/null)
