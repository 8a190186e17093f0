// SPDX-License-Identifier: Apache-2.0
// A small client: REST for history and sending, the gateway for what is new.

const API = '/api/v10';
const PAGE = 50;
const INTENTS = 1 | 1 << 1 | 1 << 9 | 1 << 11 | 1 << 15;
const GROUP_MS = 7 * 60 * 1000;
const TYPING_MS = 10 * 1000;
const KEPT_MESSAGES = 400;
const EPOCH_MS = 1420070400000n;

const $ = (id) => document.getElementById(id);

// --- state -------------------------------------------------------------------

const state = {
	token: sessionStorage.getItem('token'),
	me: null,
	guilds: new Map(),
	guild: null,
	channel: null,
	messages: [],		// of the open channel, oldest first
	oldest: false,		// nothing is older than messages[0]
	newest: true,		// nothing is newer than the last one
	loading: null,
	typing: new Map(),
};

const byId = (a, b) => {
	const x = BigInt(a.id), y = BigInt(b.id);
	return x < y ? -1 : x > y ? 1 : 0;
};
const nameOf = (user) => user.global_name || user.username;
const timeOf = (id) => new Date(Number((BigInt(id) >> 22n) + EPOCH_MS));

// --- REST --------------------------------------------------------------------

class ApiError extends Error {
	constructor(status, body) {
		super(body?.message ?? `The server answered ${status}`);
		this.status = status;
		this.code = body?.code;
	}
}

async function api(method, path, body) {
	const response = await fetch(API + path, {
		method,
		headers: {
			...(state.token && { Authorization: state.token }),
			...(body && { 'Content-Type': 'application/json' }),
		},
		body: body && JSON.stringify(body),
	});
	const answer = response.status === 204 ? null
		: await response.json().catch(() => null);
	if (response.status === 429) {
		await new Promise((done) =>
			setTimeout(done, 1000 * (answer?.retry_after ?? 1)));
		return api(method, path, body);
	}
	if (!response.ok)
		throw new ApiError(response.status, answer);
	return answer;
}

// --- gateway -----------------------------------------------------------------

const gateway = {
	socket: null,
	session: null,		// { id, url, seq }
	beat: 0,
	acked: true,
	tries: 0,
	retry: 0,
};

function connect() {
	clearTimeout(gateway.retry);
	const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
	const socket = new WebSocket(`${scheme}//${location.host}/?v=10&encoding=json`);
	gateway.socket = socket;
	setStatus(gateway.session ? 'Reconnecting' : 'Connecting', false);
	socket.onmessage = (event) => receive(socket, JSON.parse(event.data));
	socket.onclose = (event) => {
		if (socket === gateway.socket)
			lost(event.code);
	};
}

function lost(code) {
	clearInterval(gateway.beat);
	gateway.socket = null;
	if (code === 4004)
		return logOut();
	if (code >= 4010)
		return setStatus('The server refused this client', false);
	setStatus('Offline', false);
	const wait = Math.min(15000, 250 * 2 ** gateway.tries++);
	gateway.retry = setTimeout(connect, wait * (0.5 + Math.random() / 2));
}

function disconnect() {
	clearTimeout(gateway.retry);
	clearInterval(gateway.beat);
	const socket = gateway.socket;
	gateway.socket = null;
	gateway.session = null;
	socket?.close(1000);
}

const send = (op, d) => gateway.socket?.send(JSON.stringify({ op, d }));

function beat() {
	if (!gateway.acked)
		return gateway.socket.close(4000);
	gateway.acked = false;
	send(1, gateway.session?.seq ?? null);
}

function identify() {
	send(2, {
		token: state.token,
		intents: INTENTS,
		properties: { os: navigator.platform, browser: 'web', device: 'web' },
	});
}

function hello(d) {
	gateway.acked = true;
	gateway.beat = setInterval(beat, d.heartbeat_interval);
	if (!gateway.session)
		return identify();
	const { id, seq } = gateway.session;
	send(6, { token: state.token, session_id: id, seq });
}

const operations = {
	0: dispatch,
	1: beat,
	7: () => gateway.socket.close(4000),
	9: () => {
		gateway.session = null;
		identify();
	},
	10: ({ d }) => hello(d),
	11: () => { gateway.acked = true; },
};

function receive(socket, payload) {
	if (socket === gateway.socket)
		operations[payload.op]?.(payload);
}

function dispatch({ t, s, d }) {
	if (gateway.session)
		gateway.session.seq = s;
	events[t]?.(d, s);
}

function online() {
	gateway.tries = 0;
	setStatus('Online', true);
}

const events = {
	READY(d, s) {
		gateway.session = { id: d.session_id, seq: s };
		state.me = d.user;
		$('me-name').textContent = nameOf(d.user);
		paintAvatar($('me-avatar'), d.user);
		online();
	},
	RESUMED: online,
	GUILD_CREATE(d) {
		state.guilds.set(d.id, {
			...d,
			channels: new Map(d.channels.map((c) => [c.id, c])),
			members: new Map(d.members.map((m) => [m.user.id, m])),
			unread: new Set(),
		});
		drawGuilds();
		if (!state.guild)
			openGuild(d.id);
		else if (state.guild === d.id)
			reopen();
	},
	GUILD_UPDATE(d) {
		Object.assign(state.guilds.get(d.id) ?? {}, { name: d.name });
		drawGuilds();
		drawSide();
	},
	GUILD_DELETE(d) {
		state.guilds.delete(d.id);
		if (state.guild === d.id)
			openGuild(state.guilds.keys().next().value ?? null);
		drawGuilds();
	},
	CHANNEL_CREATE: putChannel,
	CHANNEL_UPDATE: putChannel,
	CHANNEL_DELETE(d) {
		const guild = state.guilds.get(d.guild_id);
		guild?.channels.delete(d.id);
		if (state.channel === d.id)
			openChannel(firstChannel(guild));
		drawSide();
	},
	GUILD_MEMBER_ADD: putMember,
	GUILD_MEMBER_UPDATE: putMember,
	GUILD_MEMBER_REMOVE(d) {
		state.guilds.get(d.guild_id)?.members.delete(d.user.id);
		drawMembers();
	},
	MESSAGE_CREATE(d) {
		state.typing.delete(d.author.id);
		drawTyping();
		if (d.channel_id === state.channel)
			return arrived(d);
		state.guilds.get(d.guild_id)?.unread.add(d.channel_id);
		drawSide();
	},
	MESSAGE_UPDATE(d) {
		const at = state.messages.findIndex((m) => m.id === d.id);
		if (at < 0)
			return;
		state.messages[at] = { ...state.messages[at], ...d };
		drawMessages();
	},
	MESSAGE_DELETE(d) {
		removeMessages([d.id]);
	},
	MESSAGE_DELETE_BULK(d) {
		removeMessages(d.ids);
	},
	TYPING_START(d) {
		if (d.channel_id !== state.channel || d.user_id === state.me?.id)
			return;
		clearTimeout(state.typing.get(d.user_id));
		state.typing.set(d.user_id, setTimeout(() => {
			state.typing.delete(d.user_id);
			drawTyping();
		}, TYPING_MS));
		drawTyping();
	},
};

function putChannel(d) {
	state.guilds.get(d.guild_id)?.channels.set(d.id, d);
	drawSide();
	if (d.id === state.channel)
		drawHead();
}

function putMember(d) {
	state.guilds.get(d.guild_id)?.members.set(d.user.id, d);
	drawMembers();
}

// --- guilds and channels -----------------------------------------------------

const textChannels = (guild) => [...guild?.channels.values() ?? []]
	.filter((c) => c.type === 0 || c.type === 5)
	.sort((a, b) => a.position - b.position || byId(a, b));

const firstChannel = (guild) => textChannels(guild)[0]?.id ?? null;

function openGuild(id) {
	state.guild = id;
	state.channel = null;
	drawGuilds();
	openChannel(firstChannel(state.guilds.get(id)));
	loadMembers(id);
}

// GUILD_CREATE brings oneself only, without the presences of the others.
async function loadMembers(id) {
	drawMembers();
	const guild = state.guilds.get(id);
	const list = guild && await api('GET', `/guilds/${id}/members?limit=1000`)
		.catch(() => null);
	for (const member of list ?? [])
		guild.members.set(member.user.id, member);
	drawMembers();
}

// After a new session the open channel may have moved on: read it again.
function reopen() {
	drawSide();
	loadMembers(state.guild);
	openChannel(state.channel ?? firstChannel(state.guilds.get(state.guild)));
}

async function openChannel(id) {
	state.channel = id;
	state.messages = [];
	state.oldest = false;
	state.newest = true;
	state.typing.clear();
	state.guilds.get(state.guild)?.unread.delete(id);
	$('chat').classList.remove('menu');
	$('menu').setAttribute('aria-expanded', 'false');
	drawSide();
	drawHead();
	drawTyping();
	drawMessages();
	if (id)
		await load({}, true);
}

// --- messages ----------------------------------------------------------------

// One page at a time; what a channel gets after the user has left it is dropped.
async function load(where, toEnd) {
	if (state.loading === state.channel)
		return;
	const channel = state.loading = state.channel;
	try {
		const query = new URLSearchParams({ limit: PAGE, ...where });
		const page = await api('GET', `/channels/${channel}/messages?${query}`);
		if (channel === state.channel)
			merge(page, where, toEnd);
	} catch (error) {
		if (channel === state.channel)
			showSendError(error);
	} finally {
		if (state.loading === channel)
			state.loading = null;
	}
}

function merge(page, where, toEnd) {
	const known = new Map(state.messages.map((m) => [m.id, m]));
	for (const message of page)
		known.set(message.id, message);
	if (!where.after && page.length < PAGE)
		state.oldest = true;
	if (where.after)
		state.newest = page.length < PAGE;
	keepView(() => {
		state.messages = [...known.values()].sort(byId);
		if (where.before && state.messages.length > KEPT_MESSAGES) {
			state.messages.length = KEPT_MESSAGES;
			state.newest = false;
		}
		drawMessages();
	}, toEnd);
}

function arrived(message) {
	const at = state.messages.findIndex((m) => m.nonce && m.pending &&
		m.nonce === message.nonce);
	if (at >= 0)
		state.messages.splice(at, 1);
	else if (state.messages.some((m) => m.id === message.id))
		return;
	if (!state.newest)
		return void ($('newer').hidden = false);
	const stay = !atEnd();
	state.messages.push(message);
	state.messages.sort(byId);
	if (!stay && state.messages.length > KEPT_MESSAGES) {
		state.messages.splice(0, state.messages.length - KEPT_MESSAGES);
		state.oldest = false;
	}
	keepView(drawMessages, !stay);
	$('newer').hidden = !stay;
}

function removeMessages(ids) {
	const gone = new Set(ids);
	state.messages = state.messages.filter((m) => !gone.has(m.id));
	keepView(drawMessages, false);
}

async function post(content) {
	const nonce = `${Date.now()}${Math.floor(Math.random() * 1e6)}`.slice(-18);
	const channel = state.channel;
	const id = String((BigInt(Date.now()) - EPOCH_MS) << 22n);
	const pending = { id, nonce, content, author: state.me, pending: true };
	state.messages.push(pending);
	keepView(drawMessages, true);
	try {
		const sent = await api('POST', `/channels/${channel}/messages`,
			{ content, nonce });
		if (channel === state.channel)
			arrived({ ...sent, nonce });
	} catch (error) {
		pending.pending = false;
		pending.failed = true;
		showSendError(error);
		drawMessages();
	}
}

// --- drawing -----------------------------------------------------------------

function element(tag, properties = {}, ...children) {
	const node = Object.assign(document.createElement(tag), properties);
	node.append(...children);
	return node;
}

function paintAvatar(node, user) {
	node.textContent = nameOf(user).slice(0, 1).toUpperCase();
	node.style.setProperty('--hue', Number(BigInt(user.id) * 137n % 360n));
	return node;
}

const avatar = (user) => {
	const node = paintAvatar(element('span', { className: 'avatar' }), user);
	node.setAttribute('aria-hidden', 'true');
	return node;
};

function setStatus(text, up) {
	$('status').textContent = text;
	$('status').className = up ? 'up' : '';
}

function current(button, is) {
	if (is)
		button.setAttribute('aria-current', 'true');
	return button;
}

function drawGuilds() {
	$('guilds').replaceChildren(...[...state.guilds.values()].map((guild) => {
		const button = element('button', {
			type: 'button',
			title: guild.name,
			textContent: guild.name.slice(0, 2),
			onclick: () => openGuild(guild.id),
		});
		button.setAttribute('aria-label', guild.name);
		return element('li', {}, current(button, guild.id === state.guild));
	}));
}

function drawSide() {
	const guild = state.guilds.get(state.guild);
	$('guild-name').textContent = guild?.name ?? '';
	$('channels').replaceChildren(...textChannels(guild).map((channel) => {
		const button = element('button', {
			type: 'button',
			className: guild.unread.has(channel.id) ? 'unread' : '',
			textContent: `# ${channel.name}`,
			onclick: () => openChannel(channel.id),
		});
		return element('li', {}, current(button, channel.id === state.channel));
	}));
}

function drawHead() {
	const channel = state.guilds.get(state.guild)?.channels.get(state.channel);
	$('channel-name').textContent = channel ? `# ${channel.name}` : '';
	$('channel-topic').textContent = channel?.topic ?? '';
	$('text').placeholder = channel ? `Message #${channel.name}` : '';
	$('composer').hidden = !channel;
	document.title = channel ? `#${channel.name} · Superdisk chat` : 'Superdisk chat';
}

function drawMembers() {
	const members = [...state.guilds.get(state.guild)?.members.values() ?? []]
		.sort((a, b) => nameOf(a.user).localeCompare(nameOf(b.user)));
	$('members').replaceChildren(...members.map((member) => {
		const name = element('span', { className: 'name',
			textContent: member.nick || nameOf(member.user) });
		if (member.user.bot)
			name.append(element('span', { className: 'tag', textContent: 'BOT' }));
		return element('li', {}, avatar(member.user), name);
	}));
}

function drawTyping() {
	const members = state.guilds.get(state.guild)?.members;
	const names = [...state.typing.keys()].map((id) => {
		const member = members?.get(id);
		return member ? member.nick || nameOf(member.user) : 'Someone';
	});
	$('typing').textContent = !names.length ? ''
		: names.length > 3 ? 'Several people are typing…'
		: `${names.join(', ')} ${names.length > 1 ? 'are' : 'is'} typing…`;
}

const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const calendar = new Intl.DateTimeFormat(undefined, { dateStyle: 'full' });

const sameDay = (a, b) => a.toDateString() === b.toDateString();

function drawMessage(message, previous) {
	const when = timeOf(message.id);
	const first = !previous || previous.author.id !== message.author.id ||
		when - timeOf(previous.id) > GROUP_MS ||
		!sameDay(when, timeOf(previous.id));
	const node = element('li', { className: 'message' });
	node.dataset.id = message.id;
	for (const kind of ['pending', 'failed'])
		node.classList.toggle(kind, !!message[kind]);
	if (first) {
		const who = element('span', { className: 'who',
			textContent: nameOf(message.author) });
		if (message.author.bot)
			who.append(element('span', { className: 'tag', textContent: 'BOT' }));
		node.classList.add('first');
		node.append(avatar(message.author), element('div', {}, who,
			element('time', { dateTime: when.toISOString(),
				textContent: clock.format(when) })));
	}
	const body = element('div', { className: 'body', textContent: message.content });
	if (message.edited_timestamp)
		body.append(element('span', { className: 'edited', textContent: ' (edited)' }));
	if (message.failed)
		body.append(element('span', { className: 'edited', textContent: ' (not sent)' }));
	node.append(body);
	return node;
}

function drawMessages() {
	const nodes = [];
	if (state.oldest)
		nodes.push(element('li', { className: 'start',
			textContent: 'This is where the channel begins.' }));
	let previous = null;
	for (const message of state.messages) {
		const when = timeOf(message.id);
		if (!previous || !sameDay(when, timeOf(previous.id)))
			nodes.push(element('li', { className: 'day',
				textContent: calendar.format(when) }));
		nodes.push(drawMessage(message, previous));
		previous = message;
	}
	$('messages').replaceChildren(...nodes);
}

// --- scrolling ---------------------------------------------------------------

const list = $('messages');
const atEnd = () => list.scrollHeight - list.scrollTop - list.clientHeight < 40;

// Draws, and leaves what the reader looks at where it is.
function keepView(draw, toEnd) {
	const top = list.getBoundingClientRect().top;
	const anchor = [...list.querySelectorAll('.message')]
		.find((node) => node.getBoundingClientRect().bottom > top);
	const before = anchor?.getBoundingClientRect().top;
	draw();
	if (toEnd)
		return void (list.scrollTop = list.scrollHeight);
	const after = anchor && list.querySelector(`[data-id="${anchor.dataset.id}"]`);
	if (after)
		list.scrollTop += after.getBoundingClientRect().top - before;
}

list.addEventListener('scroll', () => {
	if (atEnd() && state.newest)
		$('newer').hidden = true;
	if (!state.messages.length)
		return;
	if (list.scrollTop < 200 && !state.oldest)
		load({ before: state.messages[0].id });
	else if (!state.newest && list.scrollHeight - list.scrollTop - list.clientHeight < 200)
		load({ after: state.messages.at(-1).id });
}, { passive: true });

$('newer').addEventListener('click', () => {
	$('newer').hidden = true;
	if (state.newest)
		list.scrollTop = list.scrollHeight;
	else
		openChannel(state.channel);
});

// --- composing ---------------------------------------------------------------

function showSendError(error) {
	const node = $('send-error');
	node.textContent = error.message;
	node.hidden = false;
	setTimeout(() => { node.hidden = true; }, 6000);
}

const text = $('text');
let typingUntil = 0;

function fit() {
	text.style.height = 'auto';
	text.style.height = `${text.scrollHeight + 2}px`;
}

text.addEventListener('input', () => {
	fit();
	if (!text.value || Date.now() < typingUntil)
		return;
	typingUntil = Date.now() + TYPING_MS - 1000;
	api('POST', `/channels/${state.channel}/typing`).catch(() => {});
});

text.addEventListener('keydown', (event) => {
	if (event.key !== 'Enter' || event.shiftKey || event.isComposing)
		return;
	event.preventDefault();
	$('composer').requestSubmit();
});

$('composer').addEventListener('submit', (event) => {
	event.preventDefault();
	const content = text.value.trim();
	if (!content || !state.channel)
		return;
	text.value = '';
	typingUntil = 0;
	fit();
	post(content);
});

$('menu').addEventListener('click', () => {
	const open = $('chat').classList.toggle('menu');
	$('menu').setAttribute('aria-expanded', String(open));
});

// --- coming and going --------------------------------------------------------

function showLogin(message) {
	$('chat').hidden = true;
	$('login').hidden = false;
	$('login-error').textContent = message ?? '';
	$('login-error').hidden = !message;
	$('login-name').focus();
}

function enter() {
	$('login').hidden = true;
	$('chat').hidden = false;
	connect();
}

function logOut() {
	disconnect();
	if (state.token)
		api('POST', '/auth/logout').catch(() => {});
	sessionStorage.removeItem('token');
	Object.assign(state, { token: null, me: null, guild: null, channel: null,
		messages: [] });
	state.guilds.clear();
	showLogin();
}

$('logout').addEventListener('click', logOut);

$('login-form').addEventListener('submit', async (event) => {
	event.preventDefault();
	const form = new FormData(event.target);
	const button = event.target.querySelector('button');
	button.disabled = true;
	try {
		const answer = await api('POST', '/auth/login', {
			login: form.get('login'),
			password: form.get('password'),
		});
		state.token = answer.token;
		sessionStorage.setItem('token', answer.token);
		$('login-password').value = '';
		enter();
	} catch (error) {
		showLogin(error.status === 401 || error.status === 400 || error.status === 403
			? 'Wrong user or password.' : error.message);
	} finally {
		button.disabled = false;
	}
});

if (state.token)
	enter();
