/* Tidings client, Apache-2.0 */
async function e(e,t,a,{idempotencyKey:n=`${crypto.getRandomValues(new Uint32Array(4))}`}={}){return(await e.request({type:"call",method:t,data:a,idempotencyKey:n})).data}export{e as call};
